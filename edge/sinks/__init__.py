"""Where events go from the outbox: each sink delivers in order and remembers how far it has come."""
