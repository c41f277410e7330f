#include "faults/threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

namespace hadal::tests {

std::atomic<int> startable{-1};

}  // namespace hadal::tests

// A program's own symbol goes before the C library's, for the C++ library's threads too.
extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread,
                                                                     const pthread_attr_t* attributes,
                                                                     void* (*body)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  using hadal::tests::startable;
  int left = startable.load();
  while (left > 0 && !startable.compare_exchange_weak(left, left - 1)) {
  }
  return left == 0 ? EAGAIN : create(thread, attributes, body, argument);
}
