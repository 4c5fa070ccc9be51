"""Operations by the rules of each tool: what a profile counts, kind by kind."""
