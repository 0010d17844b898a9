"""What quants and on-call engineers may declare: one closed model per kind of file."""
