#pragma once

// Runs the clusters of a launch.

#include <span>

#include "warp.h"

namespace emulator {

// Runs all clusters on `threads` host threads. `seed` orders everything that the ISA leaves open.
Fault RunGrid(const Code& code, Memory& memory, const Config& config, const LaunchConfig& launch,
              std::span<const std::byte> parameters, uint64_t seed, int threads, Counters& counters);

}  // namespace emulator
