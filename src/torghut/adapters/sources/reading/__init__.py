"""From files to lines: digests, archives and windows of whole lines, all in constant memory."""
