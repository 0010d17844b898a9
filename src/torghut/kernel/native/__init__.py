"""Machine code of the kernels: what is compiled, by what name it is kept, how it is called."""
