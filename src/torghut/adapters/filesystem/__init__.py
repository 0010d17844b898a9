"""Files and folders: declarations read, and what is written atomically."""
