# SPDX-License-Identifier: MIT
# Rights that change hands: by setuid(), which is not told, and behind the kernel's back.
wait_for() {
	until grep -q "$1" /tmp/told; do sleep 0.2; done
}

rights &
pid=$!
touch /tmp/told
trapctl watch cred --pid $pid > /tmp/told &
watcher=$!
wait_for ^cred
ids=$(grep -o " ids=[^ ]*" /tmp/told)
kill -USR1 $pid
until grep -v "$ids" /tmp/told | grep -q ^cred; do sleep 0.2; done
trapctl watch list
echo root $pid > /proc/culprit
wait_for ^watch
kill -USR2 $pid
wait $watcher
echo "watcher status=$?"
cat /tmp/told
trapctl watch list
