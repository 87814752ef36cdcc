"""What tutorials and exercises run in containers, as a table: an image, a command, and what their texts promise."""
