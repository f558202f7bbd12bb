// StringConcat, StringSplit, StringNormalizer, RegexFullMatch; strings that are moved.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using I64 = std::int64_t;
using Words = std::vector<std::string>;

Expected words(Dims dims, Words w) {
  return exact(Tensor(std::move(dims), std::move(w)));
}
Expected words(Words w) {
  const auto n = static_cast<std::int64_t>(w.size());
  return words({n}, std::move(w));
}
const Strings& strings(const Expected& x) {
  return std::get<Strings>(x.data);
}

TEST(StringConcat, Broadcasts) {
  const auto r = run_node("StringConcat", 20, {words({2, 1}, {"a", ""}), words({"b", "\xC3\xA9"})});
  EXPECT_THAT(strings(r[0]), ElementsAre("ab", "a\xC3\xA9", "b", "\xC3\xA9"));
  EXPECT_EQ(r[0].type.dims, (Dims{2, 2}));
}

TEST(StringSplit, PadsWithEmptyStrings) {
  const auto r =
      run_node("StringSplit", 20, {words({"a,b", ",", "c"})}, {{"delimiter", std::string(",")}}, 2);
  EXPECT_EQ(r[0].type.dims, (Dims{3, 2}));
  EXPECT_THAT(strings(r[0]), ElementsAre("a", "b", "", "", "c", ""));
  EXPECT_THAT(values(r[1]), ElementsAre(2, 2, 1));
}

TEST(StringSplit, TakesRunsOfBlanksAsOne) {
  const auto r = run_node("StringSplit", 20, {words({"  a  b c", " "})}, {{"maxsplit", I64{1}}}, 2);
  EXPECT_THAT(strings(r[0]), ElementsAre("a", "b c", "", ""));
  EXPECT_THAT(values(r[1]), ElementsAre(2, 0));
}

// onnx's evaluator and ONNX Runtime differ.
TEST(StringSplit, DoesNotAnswerWhatIsNotAgreedUpon) {
  const auto split = [](std::string text, std::string delimiter) {
    return run_node("StringSplit", 20, {words({std::move(text)})},
                    {{"delimiter", std::move(delimiter)}, {"maxsplit", I64{1}}}, 2);
  };
  EXPECT_THROW(split("", ","), Unsupported);
  EXPECT_THROW(split("a b c ", ""), Unsupported);
  EXPECT_THROW(split("a\tb", ""), Unsupported);
}

TEST(StringNormalizer, RemovesStopwordsBeforeTheCaseChanges) {
  const auto x = words({1, 4}, {"Mon", "mon", "", "a b"});
  const Attributes upper = {{"stopwords", Words{"mon", "a"}},
                            {"case_change_action", std::string("UPPER")},
                            {"locale", std::string("C")}};
  EXPECT_THAT(strings(run_node("StringNormalizer", 10, {x}, upper)[0]), ElementsAre("", "A B"));
  Attributes sensitive = upper;
  sensitive.emplace_back("is_case_sensitive", I64{1});
  const auto r = run_node("StringNormalizer", 10, {x}, sensitive);
  EXPECT_THAT(strings(r[0]), ElementsAre("MON", "", "A B"));
  EXPECT_EQ(r[0].type.dims, (Dims{1, 3}));
}

TEST(StringNormalizer, LeavesOneEmptyString) {
  const auto r = run_node("StringNormalizer", 10, {words({"a"})}, {{"stopwords", Words{"A"}}});
  EXPECT_THAT(strings(r[0]), ElementsAre(""));
  EXPECT_THROW(run_node("StringNormalizer", 10, {words({2, 1}, {"a", "b"})}), InvalidNode);
  EXPECT_THROW(run_node("StringNormalizer", 10, {words({"\xC3\xA9"})},
                        {{"case_change_action", std::string("UPPER")}, {"locale", std::string("C")}}),
               Unsupported);
}

bool matches(std::string pattern, std::string text) {
  return run_node("RegexFullMatch", 20, {words({std::move(text)})}, {{"pattern", std::move(pattern)}})[0]
             .value_at(0) != 0;
}

TEST(RegexFullMatch, MatchesAllOfTheText) {
  EXPECT_TRUE(matches("(a|b)*c?", "abac"));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches(".", "\xC3\xA4")) << "one character, two bytes";
  EXPECT_FALSE(matches(".*", "a\nb"));
  EXPECT_TRUE(matches("[^x]*", "a\nb"));
  EXPECT_TRUE(matches("^a$|b", "b"));
  EXPECT_FALSE(matches("a(^b)", "ab"));
  EXPECT_TRUE(matches(".*\\bb\\b.*", "a b.c"));
  EXPECT_FALSE(matches("a\\bb", "ab"));
  EXPECT_TRUE(matches("x{2,3}?y{0}", "xx"));
  EXPECT_FALSE(matches("x{2,3}", "xxxx"));
  EXPECT_FALSE(matches("\\s", "\v")) << "RE2's \\s leaves out the vertical tab";
  EXPECT_TRUE(matches("[a-c\\d.-]+", "b1.-"));
  EXPECT_TRUE(matches("(a*)*(a|aa)+", std::string(500, 'a')));
}

TEST(RegexFullMatch, AnswersOnlyForThePlainPart) {
  for (const char* pattern :
       {"(?i)a", "\\Bx", "a**", "[[:alpha:]]", "a{,2}", "a{2,1}", "(a", "a)", "[]a]", "\\pL", "(a{9}){9}"})
    EXPECT_THROW(matches(pattern, "a"), Unsupported) << pattern;
  EXPECT_THROW(matches("a", "\xFF"), Unsupported);
}

TEST(Strings, AreMovedAndCompared) {
  const auto x = words({2, 2}, {"a", "b", "c", "d"});
  EXPECT_THAT(strings(run_node("Transpose", 13, {x})[0]), ElementsAre("a", "c", "b", "d"));
  EXPECT_THAT(values(run_node("Equal", 19, {x, words({"a", "d"})})[0]), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(strings(run_node("Gather", 13, {x, axes_input({-1})})[0]), ElementsAre("c", "d"));
}

TEST(Strings, AreNotAnsweredWhereTheyWouldBeOpen) {
  const auto doubt = numbers(DType::kBool, {1}, {1}, {1});
  EXPECT_THROW(run_node("Where", 16, {doubt, words({"a"}), words({"b"})}), Unsupported);
  const auto at = numbers(DType::kInt64, {2}, {0, 0});
  EXPECT_THROW(run_node("ScatterElements", 18, {words({"a", "b"}), at, words({"c", "d"})}), Unsupported);
}

}  // namespace
}  // namespace mob::testing
