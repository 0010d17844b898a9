"""The published language: frozen models of everything that leaves the process, and the kernel's rows."""
