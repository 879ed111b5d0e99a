#!/bin/sh
# chkconfig: 2345 90 10
### BEGIN INIT INFO
# Provides:          @NAME@d
# Required-Start:    $network $local_fs
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: collects logs
### END INIT INFO

NAME=@NAME@
DIR=/usr/local/ilogtail
# The real script waits 30 s.
PATIENCE=20

# The agent's processes: those whose program lies in the install directory.
pids() {
    # One grep finds the few that matter, however many processes there are.
    for comm in $(grep -ls "^$NAME" /proc/[0-9]*/comm); do
        process=${comm%/comm}
        case $(readlink "$process/exe" 2> /dev/null) in
            "$DIR/${NAME}"*) echo "${process#/proc/}" ;;
        esac
    done
}

look() {
    daemons= workers= count=0
    for pid in $(pids); do
        parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2> /dev/null)
        if [ "$parent" = 1 ]; then daemons="$daemons $pid"; else workers="$workers $pid"; fi
        count=$((count + 1))
    done
}

status() {
    look
    if [ "$count" = 0 ]; then
        echo "$NAME is stopped"
        return 3
    fi
    if [ -z "$daemons" ] || [ -z "$workers" ]; then
        echo "$NAME ppid:$daemons, cpid:$workers"
        echo "$NAME running process is abnormal."
        return 1
    fi
    echo "$NAME is running"
}

start() {
    look
    if [ "$count" = 0 ]; then
        "$DIR/$NAME"
        turns=0
        while [ "$turns" -lt "$PATIENCE" ]; do
            look
            [ -n "$daemons" ] && [ -n "$workers" ] && break
            sleep 0.1
            turns=$((turns + 1))
        done
    fi
    status
}

# Signals daemons first, so that they do not start another worker.
send() {
    look
    for pid in $daemons $workers; do
        [ "$1" = TERM ] && echo "kill process Name: $NAME pid: $pid"
        kill -s "$1" "$pid" 2> /dev/null
    done
    turns=0
    while [ "$turns" -lt "$PATIENCE" ]; do
        look
        [ "$count" = 0 ] && return 0
        sleep 0.1
        turns=$((turns + 1))
    done
    return 1
}

stop() {
    if send TERM; then
        echo "@STOPPED@"
    else
        echo "graceful stop failed, you should retry stop or using force-stop"
        return 1
    fi
}

force_stop() {
    if send KILL; then echo "force stop successfully"; else echo "force stop failed"; return 1; fi
}

case "$1" in
    start) start ;;
    stop) stop ;;
    force-stop) force_stop ;;
    status) status ;;
    #RESTART# restart) stop; start ;;
    *)
        echo "Usage: $0 {start|stop|force-stop|status}"
        [ "$1" = -h ]
        ;;
esac
