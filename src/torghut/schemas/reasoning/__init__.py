"""The reasoning path's published language: what is asked, what is answered, what is kept of it."""
