// What the static libstdc++ of GCC 12 asks of glibc beyond 2.31. Linked into what goes to other machines alone,
// and hidden there.
#include <sys/random.h>

#include <cstdint>

extern "C" {

// glibc 2.32: nonzero lets shared_ptr skip its atomics.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

// glibc 2.36: behind std::random_device.
__attribute__((visibility("hidden"))) uint32_t arc4random() {
  uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

}  // extern "C"
