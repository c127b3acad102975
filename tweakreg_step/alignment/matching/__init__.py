"""From catalogs to sources: pairs, offsets, the graph of overlaps, associations."""
