#!/usr/bin/env bash
# Ends the Slurm that tests/slurm/start.sh FOLDER has started, with its jobs.
set -uo pipefail
folder=$1
export SLURM_CONF="$folder/slurm.conf"
scancel --full --user="$(id -un)"
for _ in $(seq 30); do
  if [ -z "$(squeue --noheader 2>/dev/null)" ]; then break; fi
  sleep 0.5
done
for name in slurmd slurmctld munge/munged; do
  if pid=$(cat "$folder/$name.pid" 2>/dev/null); then kill "$pid"; fi
done
exit 0
