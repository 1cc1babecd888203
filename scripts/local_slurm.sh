#!/usr/bin/env bash
# A little Slurm cluster on loopback, two nodes on this machine, as root or as any user; for trying and testing. Jobs of
# its partition `urgent` preempt those of `local`. Each node has a GPU to give away that is an empty file.
#   local_slurm.sh start DIR    configuration, state and logs in DIR; prints the line that makes Slurm's commands use it
#   local_slurm.sh status DIR
#   local_slurm.sh stop DIR     stops what it started, by pid
# Exit 77: Slurm's packages are missing (scripts/setup.sh slurm installs them).
set -euo pipefail

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
(($# == 2)) || usage
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
export SLURM_CONF=$dir/slurm.conf
PATH=$PATH:/usr/sbin

for program in slurmctld slurmd sbatch scontrol; do
  if ! command -v "$program" >/dev/null; then
    echo "$program is missing: scripts/setup.sh slurm installs slurmctld, slurmd and slurm-client" >&2
    exit 77
  fi
done

free_port() {
  /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

write_configuration() {
  local user host cpus
  user=$(id -un)
  host=$(hostname -s)
  cpus=$(nproc)
  mkdir -p "$dir/state" "$dir/node1" "$dir/node2"
  # No munge: nobody else reaches these ports. Requeued jobs wait until credentials expire, so they expire soon.
  cat >"$SLURM_CONF" <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobRequeue=1
ReturnToService=2
KillWait=5
MinJobAge=300
SchedulerParameters=batch_sched_delay=1,sched_interval=1,sched_min_interval=1,bf_interval=1
MaxArraySize=64
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=$cpus Gres=gpu:1 State=UNKNOWN
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=$cpus Gres=gpu:1 State=UNKNOWN
PartitionName=local Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=1
PartitionName=urgent Nodes=node1,node2 MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=10 PreemptMode=OFF
CONF
  touch "$dir/gpu1" "$dir/gpu2"
  cat >"$dir/gres.conf" <<CONF
NodeName=node1 Name=gpu File=$dir/gpu1
NodeName=node2 Name=gpu File=$dir/gpu2
CONF
}

start() {
  write_configuration
  slurmctld -c >"$dir/slurmctld.out" 2>&1
  for node in node1 node2; do slurmd -N "$node" -c >"$dir/$node.out" 2>&1; done
  for _ in $(seq 100); do
    [[ $(sinfo --noheader --partition local --Node --format %t 2>/dev/null | grep -c '^idle$') == 2 ]] && break
    sleep 0.1
  done
  if [[ $(sinfo --noheader --partition local --Node --format %t | grep -c '^idle$') != 2 ]]; then
    echo "the nodes did not become idle; see $dir/*.log" >&2
    stop
    exit 1
  fi
  echo "export SLURM_CONF=$SLURM_CONF"
}

stop() {
  local file pid
  scancel --user "$(id -un)" 2>/dev/null || true
  for file in "$dir"/node1.pid "$dir"/node2.pid "$dir"/slurmctld.pid; do
    [[ -f $file ]] || continue
    pid=$(<"$file")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$file"
  done
}

case $action in
  start) start ;;
  status) sinfo --Node --long && squeue ;;
  stop) stop ;;
  *) usage ;;
esac
