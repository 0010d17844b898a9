"""Reports of tests in the JUnit format."""
