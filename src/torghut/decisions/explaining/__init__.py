"""Why a decision is what it is, from its row and what was in force: the path, and what bound it."""
