#!/bin/sh
# Three stories that begin alike, from the shell. Needs `lathe` on the PATH:
#
#     examples/story.sh examples/models/stories260K
set -eu

model=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

lathe compile "$model" -o "$folder/story.lathe"
for seed in 1 2 3; do
  # Text is standard output; rates and memory go to standard error.
  lathe generate "$folder/story.lathe" -p "One day, a cat" -n 40 --temp 0.8 --top-p 0.9 -s "$seed" 2>/dev/null
  echo "---"
done
