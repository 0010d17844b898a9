"""Many lanes as one: where each begins, one reader of all, a question to the right one."""
