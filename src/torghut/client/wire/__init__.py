"""What goes over the connection, in forms that are quick to load and to read."""
