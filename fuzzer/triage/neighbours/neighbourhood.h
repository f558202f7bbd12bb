// What kinds of neighbours share: the case that they are neighbours of, words for its places, and the list.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fuzzer/triage/guards.h"
#include "fuzzer/triage/shrink/edits.h"
#include "fuzzer/triage/variant.h"

namespace mob {

// An input of a node that reads a leaf.
struct LeafUse {
  const shrink::Leaf& leaf;
  const Node& node;
  std::size_t slot;
};

class Neighbourhood {
 public:
  // `only`: neighbours that differ elsewhere are not made; null: all are.
  Neighbourhood(const Case& c, Judge& judge, const GuardPlace* only);

  const Case& c() const { return facts_.c; }
  const Graph& graph() const { return facts_.c.model.graph; }
  const Subject& subject() const { return subject_; }
  const std::vector<shrink::Leaf>& leaves() const { return leaves_; }
  // Leaves with the first node that reads each.
  std::vector<LeafUse> leaf_uses() const;
  bool asked(const GuardPlace& place) const { return only_ == nullptr || *only_ == place; }

  // What a neighbour is called: "Pow exponent", "the exponent of Pow", "is 2", and what stands here: "3", or
  // nothing.
  struct Words {
    std::string key, what, change, here;
  };
  // One more neighbour, where it was asked for. `change` is given a copy of the case; where it says false, or
  // leaves what cannot be put in order, there is none.
  void add(const GuardPlace& place, Words words, const std::function<bool(Case&)>& change);
  std::vector<Neighbour> take() { return std::move(list_); }

  // "Add", or "Add (y)" where there are several.
  std::string called(const Node& n) const;
  // "exponent"; and with its node "the exponent of Pow", "Pow exponent".
  std::string input_noun(const Node& n, std::size_t slot) const;
  std::string input_of(const Node& n, std::size_t slot) const;
  std::string input_key(const Node& n, std::size_t slot) const;

 private:
  const Inferred facts_;
  const Subject subject_;
  const std::vector<shrink::Leaf> leaves_;
  const Tidy tidy_;
  const GuardPlace* only_;
  std::vector<Neighbour> list_;
};

// The place of an edit at a node: "input 1", "output 0".
GuardPlace place_at(GuardKind kind, const Node& n, const char* what, std::size_t slot);
// The node of the same handle in a variant, which holds it.
Node& same_node(Case& c, const Node& n);
// The elements repeated or cut to these dimensions; all 1 where there are none.
Tensor refilled(const Tensor& t, const Dims& dims);

}  // namespace mob
