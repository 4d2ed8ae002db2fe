"""What `doctor` looks at: each check says what it found, one line each."""
