#include "warp.h"

#include <algorithm>
#include <cstdio>

namespace emulator {

std::string Hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// Lanes in groups by program counter; the lowest runs first, so that groups meet where branches join.

void Warp::SetLimit() {
  limit = INT32_MAX;
  for (const LaneGroup& group : others) limit = group.blocked ? 0 : std::min(limit, group.pc);
}

void Warp::Branch(uint32_t taken, int32_t target) {
  const uint32_t staying = active & ~taken;
  if (staying == 0) {
    pc = target;
    return;
  }
  if (target < pc + 1) {
    others.push_back({pc + 1, staying, false});
    active = taken;
    pc = target;
  } else {
    others.push_back({target, taken, false});
    active = staying;
    ++pc;
  }
  SetLimit();
}

void Warp::Reconverge() {
  bool changed = false;
  for (size_t i = 0; i < others.size();) {
    if (others[i].pc == pc) {
      active |= others[i].mask;
      others[i] = others.back();
      others.pop_back();
      changed = true;
    } else {
      ++i;
    }
  }
  for (LaneGroup& group : others) {
    if (!group.blocked && group.pc < pc) {
      std::swap(group.pc, pc);
      std::swap(group.mask, active);
      changed = true;
    }
  }
  if (changed) {
    // A group of the lanes that run now may have a twin.
    for (size_t i = 0; i < others.size();) {
      if (others[i].pc == pc) {
        active |= others[i].mask;
        others[i] = others.back();
        others.pop_back();
      } else {
        ++i;
      }
    }
  }
  SetLimit();
}

// The running group can't go on, or (stalled 0) has left: another one runs. False when all are blocked.
bool Warp::SwitchGroup(uint32_t stalled) {
  if (stalled) others.push_back({pc, stalled, true});
  LaneGroup* next = nullptr;
  for (LaneGroup& group : others) {
    if (!group.blocked && (!next || group.pc < next->pc)) next = &group;
  }
  const bool found = next != nullptr;
  if (!found) {
    // All wait: whichever; each is tried again when the warp runs again.
    next = &others.front();
  }
  pc = next->pc;
  active = next->mask;
  *next = others.back();
  others.pop_back();
  Reconverge();
  return found;
}

Next Warp::Exit(uint32_t mask) {
  live &= ~mask;
  active &= ~mask;
  if (active) ++pc;
  return Next::kExited;
}

bool Warp::Run(int budget) {
  // Whatever blocked a group may be gone.
  if (!others.empty()) {
    for (LaneGroup& group : others) group.blocked = false;
    Reconverge();
  }
  uint64_t done = 0, done_lanes = 0;
  const auto finish = [&](bool result) {
    instructions += done;
    lanes += done_lanes;
    return result;
  };
  while (budget > 0) {
    const Op& op = ops[pc];
    uint32_t mask = active;
    if (op.guard != kNoRef) {
      const uint32_t guard = PredicateOf(op.guard);
      mask &= op.guard_negated ? ~guard : guard;
    }
    if (mask == 0) {
      ++pc;
      --budget;
      ++done;
    } else {
      switch (op.run(*this, op, mask)) {
        case Next::kNext:
          ++pc;
          break;
        case Next::kJumped:
          break;
        case Next::kStay:
          if (others.empty() || !SwitchGroup(active)) return finish(done > 0);
          continue;
        case Next::kExited:
          if (live == 0) return finish(true);
          if (active == 0) {
            // If all others are blocked they are tried again when the warp runs next.
            if (!SwitchGroup(0)) return finish(true);
          }
          break;
      }
      --budget;
      ++done;
      done_lanes += static_cast<uint64_t>(__builtin_popcount(mask));
    }
    if (pc >= limit) Reconverge();
  }
  return finish(true);
}

std::string Warp::DescribeWait() const {
  switch (wait.kind) {
    case Wait::kNamedBarrier:
      return "barrier " + std::to_string(wait.a) + " (" + std::to_string(block->barriers[wait.a].arrived) + " of " +
             std::to_string(block->barriers[wait.a].expected) + " threads have arrived)";
    case Wait::kClusterBarrier:
      return "the cluster barrier";
    case Wait::kMbarrier:
      return "mbarrier " + Hex(wait.a) + " to complete the phase of parity " + std::to_string(wait.b);
    case Wait::kLanes:
      return "lanes " + Hex(wait.a) + " of its warp";
    case Wait::kWarpGroup:
      return "the other warps of its warpgroup";
    case Wait::kNothing:
      break;
  }
  return "nothing";
}

bool Cluster::CompleteOne(uint32_t barrier) {
  size_t count = 0, chosen = 0;
  for (size_t i = 0; i < deferred.size(); ++i) {
    if (deferred[i].barrier == barrier && Random(++count) == 0) chosen = i;
  }
  if (count == 0) return false;
  const auto complete = std::move(deferred[chosen].complete);
  deferred.erase(deferred.begin() + static_cast<ptrdiff_t>(chosen));
  complete();
  return true;
}

void Cluster::CompleteAll() {
  while (!deferred.empty()) CompleteOne(deferred[Random(deferred.size())].barrier);
}

}  // namespace emulator
