"""Reading the web: pages fetched safely, read, summarised and made into brochures."""
