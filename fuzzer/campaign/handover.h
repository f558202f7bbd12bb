// What threads of oneTBB hand to each other, made visible to ThreadSanitizer.
#pragma once

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace mob {

// oneTBB's library is not built with ThreadSanitizer, which cannot see what it hands from thread to thread.
// So it is told: what has one of these happens after all of its kind that ended before it began. Of what runs
// at the same time it says nothing: races there show.
struct Handover {
#if defined(__SANITIZE_THREAD__)
  Handover() {
    __tsan_acquire(&handed_over);
  }
  ~Handover() {
    __tsan_release(&handed_over);
  }
  static inline char handed_over;
#else
  Handover() {}
#endif
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
};

}  // namespace mob
