"""The published language: frozen models of what leaves the process, and the kernel's rows."""
