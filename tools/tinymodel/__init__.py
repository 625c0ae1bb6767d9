"""Two tiny chat models for tests and demonstrations: their tasks, tokenizer, training, export and measurement."""
