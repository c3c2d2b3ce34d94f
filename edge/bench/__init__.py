"""What this board can do: every stage timed, the whole way of a frame at several loads, memory and start-up."""
