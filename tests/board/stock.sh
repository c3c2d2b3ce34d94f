#!/usr/bin/env bash
# What the stock system does, as root and in two starts; stock.py judges every line that begins with BOARD-STOCK.
exec >/dev/console 2>&1
export LC_ALL=C.UTF-8 SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
cd / || exit
settings=/etc/edge-alpr/gate.toml
wheels=(--offline /srv/wheelhouse)
coral=(--libedgetpu /srv/libedgetpu.deb --sha256 "$(sha256sum /srv/libedgetpu.deb | cut -d' ' -f1)")

tell() { echo "BOARD-STOCK $*"; }

# The installer under a name, its output on the console.
try() {
    local name=$1 begun=$SECONDS
    shift
    bash /srv/edge-alpr/systemd/install "$@" 2>&1 | tee /run/said
    tell "$name" "code ${PIPESTATUS[0]}, $((SECONDS - begun)) s, $(grep -c ^ok /run/said) ok," \
        "$(grep -c ^warning /run/said) warnings, $(grep -c ^FAILURE /run/said) failures: $(tail -n 1 /run/said)"
}

events() { runuser -u edge-alpr -- edge-alpr events --config "$settings" | wc -l; }

# Waits until the service is active and has logged more than so many events.
reads() {
    local name=$1 more=$2 seen=0 state=''
    for _ in $(seq 180); do
        seen=$(events) state=$(systemctl is-active edge-alpr@gate)
        [ "$state" = active ] && [ "$seen" -gt "$more" ] && break
        sleep 5
    done
    systemctl status edge-alpr@gate | head -n 15
    journalctl --namespace=edge-alpr -o cat --no-pager | tail -n 5
    tell "$name" "$state, $(systemctl is-enabled edge-alpr@gate), $seen events, $(systemctl show -p NRestarts edge-alpr@gate)"
}

files() {
    find /etc /opt /usr /var -xdev -not -path '*/__pycache__*' -not -path '/var/lib/systemd/*' -not -path '/var/log/*' \
        -not -path '/var/lib/dpkg/*' -not -path '/var/lib/apt/*' -not -path '/var/cache/*' -not -path '/var/tmp/*' | sort
}

# What is there that was not there before; the account files' back-up copies are not counted.
left() {
    tell "$1" "$(comm -13 /srv/before <(files) | grep -vE '^/etc/((passwd|group|g?shadow|sub[ug]id)-|\.pwd\.lock)$' | tr '\n' ' ')" \
        "$(systemctl list-units --all 'edge-alpr*' --no-legend | wc -l) units"
}

first_start() {
    files >/srv/before
    # shellcheck source=/dev/null
    tell system "$(. /etc/os-release && echo "$PRETTY_NAME $(cat /etc/debian_version)")," \
        "$(uname -rm), $(systemctl --version | head -n 1), $(python3 --version)"
    try unreachable --camera gate
    try first "${wheels[@]}" "${coral[@]}" --camera gate --source /srv/clip.mp4
    reads service 0
    runuser -u edge-alpr -- edge-alpr doctor --config "$settings"
    tell doctor "code $?"
    sed -i 's/^# region.*/region = "vn"/' "$settings"
    cp "$settings" /srv/settings
    touch /srv/mark
    try second "${wheels[@]}" "${coral[@]}" --camera gate --source 0
    tell changed "$(find /etc /opt /usr -xdev -type f -newer /srv/mark -not -path '*/__pycache__*' | tr '\n' ' ')" \
        "$(cmp "$settings" /srv/settings && echo settings kept)"
    events >/srv/events
    tell restart "with $(cat /srv/events) events"
    systemctl reboot
}

second_start() {
    reads restarted "$(cat /srv/events)"
    events >/srv/events
    try absent "${wheels[@]}" --camera yard --source 0
    modprobe vivid && udevadm settle
    try camera "${wheels[@]}" --camera yard --source 0
    tell picture "$(grep -E '^ok +picture' /run/said)"
    try uninstall --uninstall
    left kept
    try third "${wheels[@]}" --camera gate --source 0
    reads again "$(cat /srv/events)"
    try purge --uninstall --purge
    left purged
    tell user "$(id edge-alpr 2>&1)"
    tell finished
    systemctl poweroff
}

if [ -e /srv/events ]; then second_start; else first_start; fi
