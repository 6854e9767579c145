#!/bin/bash
# all that federation can touch
cd /work/wt/mux/build
T="$(cd ..; ls modules/mod_s2s/*.xt modules/mod_dialback/*.xt modules/mod_s2s_secure/*.xt modules/mod_component/*.xt | tr '\n' ' ')"
C="scripts/check-layers scripts/check-size scripts/check-state scripts/check-manuals scripts/check-exports scripts/check-headers"
F="tests/federation/two.py tests/federation/loss.py tests/federation/peers.py tests/federation/component.py"
nice make -j2 check TESTS="test_s2s_ledger test_s2s_bucket $C $T $F $*" > ../t.log 2>&1
grep -E "^(FAIL|ERROR|SKIP)|^# " ../t.log
