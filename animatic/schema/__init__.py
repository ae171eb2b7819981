"""JSON Schema of the language of pipelines files, for editors: what models take, what the file itself takes, and both together."""
