"""Work for other processes and machines: what is said there, signals, memory given back."""
