// Full match of a regular expression, for the part of RE2's syntax whose meaning is beyond doubt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mob::ops {

// Characters of UTF-8 text. Throws Unsupported where it is malformed.
std::u32string characters(std::string_view utf8);

// Literals, `.`, classes, \d \w \s and their opposites, \b, groups, alternatives, repetitions, ^ and $.
// Anything else - flags, named classes, what RE2 rejects - throws Unsupported.
class Regex {
 public:
  explicit Regex(std::string_view pattern);
  bool matches(std::string_view text) const;

 private:
  enum class Kind : std::uint8_t {
    kCharacters,
    kSequence,
    kAlternatives,
    kRepetition,
    kStart,
    kEnd,
    kBoundary
  };
  struct Range {
    char32_t first, last;
  };
  struct Node {
    Kind kind;
    std::vector<Range> ranges = {};
    bool negated = false;
    std::vector<Node> parts = {};
    int least = 0, most = -1;  // -1: any number
  };
  // Places in the text, one behind its end among them.
  using Places = std::vector<bool>;
  class Parser;

  // Where a match that begins at one of `from` may end.
  static Places ends(const Node& node, const std::u32string& text, const Places& from);

  Node root_;
};

}  // namespace mob::ops
