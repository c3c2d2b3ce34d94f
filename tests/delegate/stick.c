/* A stick for the tests: a delegate that stands where libedgetpu.so.1 stands and claims `edgetpu-custom-op`.

   It computes what the operator's options say (one uint8 input, any number of uint8 outputs):
       per output: int32 height, width, channels_in, channels_out of a patch map,
                   float32 weights[channels_out][channels_in], float32 bias[channels_out];
       output[y, x, o] = bias[o] + sum over c of weights[o][c] * mean of the input's patch (y, x) in channel c.
   How it behaves is the first word of the file that STICK names, read before every inference:
       healthy | slow MILLISECONDS | hang | abort [INFERENCES] | absent | forbidden | old
   `absent` and `forbidden` refuse to start, and an inference on a stick that has become absent aborts the process,
   as libedgetpu does on a USB fault. `old` has the layouts from before TensorFlow 2.16, as Google's build has. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"

static const char *OPERATOR = "edgetpu-custom-op";

typedef struct State {
    char word[16];
    long number;
} State;

static State state(void) {
    State now = {"healthy", 0};
    const char *path = getenv("STICK");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (file) {
        if (fscanf(file, "%15s %ld", now.word, &now.number) < 1) strcpy(now.word, "healthy");
        fclose(file);
    }
    return now;
}

static int is(State now, const char *word) { return strcmp(now.word, word) == 0; }

static void behave(void) {
    static long inferences = 0;
    State now = state();
    inferences++;
    if (is(now, "slow")) usleep((useconds_t)now.number * 1000);
    if (is(now, "hang"))
        for (;;) pause();
    if (is(now, "absent") || is(now, "forbidden") || (is(now, "abort") && inferences > now.number)) abort();
}

static uint8_t quantized(const Tensor *tensor, float real) {
    float value = roundf(real / tensor->quantization.scale) + (float)tensor->quantization.zero_point;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static float mean(const Tensor *in, int y0, int x0, const int32_t patch[4], int channel) {
    const uint8_t *pixels = in->data;
    int width = in->dims->data[2], channels = in->dims->data[3];
    long sum = 0;
    for (int y = y0; y < y0 + patch[0]; y++)
        for (int x = x0; x < x0 + patch[1]; x++) sum += pixels[(y * width + x) * channels + channel];
    float average = (float)sum / (float)(patch[0] * patch[1]);
    return (average - (float)in->quantization.zero_point) * in->quantization.scale;
}

static void cell(const Tensor *in, Tensor *out, int y, int x, const int32_t patch[4], const float *weights) {
    int width = out->dims->data[2], from = patch[2], to = patch[3];
    const float *bias = weights + from * to;
    float means[8];
    for (int c = 0; c < from; c++) means[c] = mean(in, y * patch[0], x * patch[1], patch, c);
    for (int o = 0; o < to; o++) {
        float real = bias[o];
        for (int c = 0; c < from; c++) real += weights[o * from + c] * means[c];
        ((uint8_t *)out->data)[(y * width + x) * to + o] = quantized(out, real);
    }
}

static const char *compute(const Tensor *in, Tensor *out, const char *options) {
    const int32_t *patch = (const int32_t *)options;
    const float *weights = (const float *)(options + 4 * sizeof(int32_t));
    for (int y = 0; y < out->dims->data[1]; y++)
        for (int x = 0; x < out->dims->data[2]; x++) cell(in, out, y, x, patch, weights);
    return (const char *)(weights + (patch[2] + 1) * patch[3]);
}

static void *init(Context *context, const char *buffer, size_t length) {
    const Taken *taken = (const Taken *)buffer;
    Node *node;
    Registration *registration;
    (void)length;
    if (taken->nodes->size != 1) return NULL;
    if (context->node_and_registration(context, taken->nodes->data[0], &node, &registration) != OK) return NULL;
    Node *copy = malloc(sizeof(Node)); /* the runtime's own moves when nodes are added */
    *copy = *node;
    return copy;
}

static void release(Context *context, void *node) {
    (void)context;
    free(node);
}

static int prepare(Context *context, Node *node) {
    (void)context;
    return node->user_data ? OK : ERROR;
}

static int invoke(Context *context, Node *node) {
    const Node *taken = node->user_data;
    const char *options = taken->custom_data;
    behave();
    for (int i = 0; i < taken->outputs->size; i++)
        options = compute(&context->tensors[taken->inputs->data[0]], &context->tensors[taken->outputs->data[i]], options);
    return OK;
}

static int claim(Context *context, Delegate *delegate) {
    Registration kernel = {.init = init, .free = release, .prepare = prepare, .invoke = invoke,
                           .custom_name = "edgetpu-stick", .version = 1};
    Ints *plan, *claimed;
    if (delegate->opaque_delegate_builder) memset(&kernel.registration_external, 0xA5, sizeof(void *));
    int result = OK;
    if (context->execution_plan(context, &plan) != OK) return ERROR;
    for (int i = 0; i < plan->size && result == OK; i++) {
        Node *node;
        Registration *registration;
        if (context->node_and_registration(context, plan->data[i], &node, &registration) != OK) return ERROR;
        if (!registration->custom_name || strcmp(registration->custom_name, OPERATOR) != 0) continue;
        claimed = malloc(sizeof(Ints) + sizeof(int));
        claimed->size = 1;
        claimed->data[0] = plan->data[i];
        result = context->replace_nodes(context, kernel, claimed, delegate);
        free(claimed);
    }
    return result;
}

static Delegate *started(int old) {
    /* Behind an old, shorter struct lies whatever the heap or the stack holds: never NULL here. */
    Delegate *delegate = malloc(sizeof(Delegate));
    memset(delegate, 0xA5, sizeof(Delegate));
    memset(delegate, 0, old ? offsetof(Delegate, opaque_delegate_builder) : sizeof(Delegate));
    delegate->prepare = claim;
    delegate->flags = MAY_BE_DYNAMIC; /* else the runtime prepares the operators before they are claimed */
    return delegate;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    State now = state();
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i], "device") == 0 && strchr(values[i], ':') && strcmp(strchr(values[i], ':'), ":0") != 0) {
            report("there is only one stick, number 0");
            return NULL;
        }
    if (is(now, "absent")) report("no stick is connected");
    if (is(now, "forbidden")) report("the stick may not be opened: permission denied");
    if (is(now, "absent") || is(now, "forbidden")) return NULL;
    return started(is(now, "old"));
}

const char *edgetpu_version(void) { return "a stick of software"; }

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
