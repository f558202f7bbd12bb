// What a mutant still owes its parent. Shared by mutators (which give it) and oracles (which hold them to
// it).
#pragma once

namespace mob {

struct Promise {
  enum class Kind {
    kRecompute,   // the meaning changed: the reference knows the new truth
    kSameValues,  // every output equals the parent's
  };
  Kind kind = Kind::kRecompute;
};

}  // namespace mob
