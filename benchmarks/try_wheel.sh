#!/bin/sh
# Try a wheel alone: `sh benchmarks/try_wheel.sh PYTHON WHEEL`. An empty environment, an empty
# folder, and the first example of the README; the options of strun, and the parameter files.
set -eu
unset PYTHONPATH || true
python=$1
wheel=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$python" -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check "$wheel"
PATH="$folder/venv/bin:$PATH"
tweakreg --version
tweakreg simulate exposures
tweakreg align exposures/mosaic_asn.json --abs-refcat=exposures/reference.ecsv \
    --output-dir=aligned --save-plots
test -s aligned/mosaic_tweakreg.html
tweakreg config copy nircam_long
strun nircam_long.asdf exposures/mosaic_asn.json --output_dir=again > strun.log 2>&1
test "$(ls again/*_tweakreg.fits | wc -l)" = 8
python -c "
from tweakreg_step import align
result = align('exposures/mosaic_asn.json', abs_refcat='exposures/reference.ecsv')
assert result.ok and len(result.groups) == 8, result
print(result.sentence)
"
echo "The wheel $(basename "$wheel") works alone."
