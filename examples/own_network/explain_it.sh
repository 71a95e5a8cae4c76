#!/bin/sh
# Explain the lexer from the shell. `hmmlens` alone does it too where the package is installed.
set -e
${PYTHON:-python3} -m hmmlens explain lexer:build \
  --weights weights.safetensors --data data.csv --symbols --outputs logits --n-states 1-8 \
  --input-names letter quote backslash hash newline \
  --output-names code string comment \
  --out explained_by_command
