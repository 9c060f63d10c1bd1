#!/usr/bin/env bash
# Starts a Slurm of one node with two CPUs on this machine: tests/slurm/start.sh FOLDER
# FOLDER, which must be absolute, gets slurm.conf, keys, logs, state and the daemons' process ids; afterwards
# `SLURM_CONF=FOLDER/slurm.conf srun hostname` works. tests/slurm/stop.sh FOLDER ends it. Needs Debian's packages
# slurm-wlm and munge; the services that these install need not run.
set -euo pipefail
folder=$1
user=$(id -un)
node=$(hostname -s)
export PATH="$PATH:/usr/sbin:/sbin"
mkdir -p "$folder"/{munge,state,spool}
chmod 700 "$folder/munge"
head -c 128 /dev/urandom > "$folder/munge/key"
chmod 600 "$folder/munge/key"

cat > "$folder/slurm.conf" <<EOF
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF

munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/munged.pid" \
  --log-file="$folder/munge/munged.log" --seed-file="$folder/munge/seed"
export SLURM_CONF="$folder/slurm.conf"
slurmctld
slurmd
for _ in $(seq 60); do
  if sinfo --noheader --format=%T 2>/dev/null | grep -q idle; then exit 0; fi
  sleep 0.5
done
tail -n 20 "$folder"/slurm*.log >&2
exit 1
