"""What the system costs and how well it reads: latency, accuracy, the papers' tables."""
