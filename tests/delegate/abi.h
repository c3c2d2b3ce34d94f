/* What a TFLite delegate shares with the runtime that loads it: the layouts since TensorFlow 2.16, and only the
   fields that the stick needs by name. */
#ifndef EDGE_ALPR_ABI_H
#define EDGE_ALPR_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OK = 0, ERROR = 1 };
enum { MAY_BE_DYNAMIC = 1 };

typedef struct Ints {
    int size;
    int data[];
} Ints;

typedef struct Tensor {
    int type;
    void *data;
    Ints *dims;
    struct {
        float scale;
        int32_t zero_point;
    } quantization;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    void *delegate;
    int buffer_handle;
    bool data_is_stale;
    bool is_variable;
    struct {
        int type;
        void *params;
    } detailed_quantization;
    void *sparsity;
    const Ints *dims_signature;
} Tensor;

typedef struct Node {
    Ints *inputs;
    Ints *outputs;
    Ints *intermediates;
    Ints *temporaries;
    void *user_data;
    void *builtin_data;
    const void *custom_data;
    int custom_size;
    void *delegate;
    bool might_have_side_effect;
} Node;

typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct Registration {
    void *(*init)(Context *, const char *, size_t);
    void (*free)(Context *, void *);
    int (*prepare)(Context *, Node *);
    int (*invoke)(Context *, Node *);
    const char *(*profiling_string)(const Context *, const Node *);
    int32_t builtin_code;
    const char *custom_name;
    int version;
    void *registration_external; /* from here on new in TensorFlow 2.6 and later */
    void *(*async_kernel)(Context *, Node *);
    uint64_t inplace_operator;
} Registration;

struct Context {
    size_t tensors_size;
    int (*execution_plan)(Context *, Ints **);
    Tensor *tensors;
    void *impl;
    int (*resize_tensor)(Context *, Tensor *, Ints *);
    void (*report_error)(Context *, const char *, ...);
    int (*add_tensors)(Context *, int, int *);
    int (*node_and_registration)(Context *, int, Node **, Registration **);
    int (*replace_nodes)(Context *, Registration, const Ints *, Delegate *);
    /* more follows that the stick does not use */
};

struct Delegate {
    void *data;
    int (*prepare)(Context *, Delegate *);
    int (*copy_from)(Context *, Delegate *, int, Tensor *);
    int (*copy_to)(Context *, Delegate *, int, Tensor *);
    void (*free_buffer)(Context *, Delegate *, int *);
    int64_t flags;
    void *opaque_delegate_builder; /* the old layout ends before this one */
};

typedef struct Taken { /* what `init` gets of the nodes that were replaced */
    Delegate *delegate;
    Ints *nodes;
    Ints *inputs;
    Ints *outputs;
} Taken;

#endif
