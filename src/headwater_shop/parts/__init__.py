"""What the shop's synchronous architectures are put together from: data access in plain SQL, the order's way through a
checkout, and the same parts over HTTP. Which of them share a process is what tells the architectures apart."""
