"""What a study will cost, before it starts: by what studies before it took."""
