// A corpus in one file: comes back as it went, and what others send is not trusted.
#include "corpus/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/base/check.h"
#include "tests/fakes/fake_corpus.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Sent {
  std::string path, bytes;
  unsigned type = AE_IFREG;
  std::string link, hard_link;
};

void pack(const fs::path& file, const std::vector<Sent>& entries) {
  archive* to = archive_write_new();
  archive_write_add_filter_gzip(to);
  archive_write_set_format_pax_restricted(to);
  ASSERT_EQ(archive_write_open_filename(to, file.c_str()), ARCHIVE_OK);
  for (const Sent& s : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, s.path.c_str());
    archive_entry_set_filetype(entry, s.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(s.bytes.size()));
    if (!s.link.empty()) archive_entry_set_symlink(entry, s.link.c_str());
    if (!s.hard_link.empty()) archive_entry_set_hardlink(entry, s.hard_link.c_str());
    ASSERT_EQ(archive_write_header(to, entry), ARCHIVE_OK) << archive_error_string(to);
    archive_write_data(to, s.bytes.data(), s.bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(to);
  archive_write_free(to);
}

class PackedCorpus : public ::testing::Test {
 protected:
  PackedCorpus() {
    AddOptions o;
    o.versions = {fake_version("1.0.0", "swapped-operands")};
    add_cases(corpus_, {write_fake_finding(scratch_ / "findings", "one", kSub, "a bug")}, o);
    name_ = read_corpus(corpus_).at(0).name;
  }
  // Refused with these words, and nothing of it is anywhere.
  void refused(const std::vector<Sent>& entries, const std::string& words) {
    pack(packed_, entries);
    EXPECT_THAT(complaint<UserError>([&] { import_archive(scratch_ / "new", packed_); }), HasSubstr(words));
    EXPECT_FALSE(fs::exists(scratch_ / "new"));
    EXPECT_FALSE(fs::exists(scratch_ / "evil"));
  }
  ScratchFolder scratch_;
  const fs::path corpus_ = scratch_ / "corpus", packed_ = scratch_ / "corpus.tar.gz";
  std::string name_;
};

TEST_F(PackedCorpus, ComesBackAsItWent) {
  std::ofstream(corpus_ / name_ / "notes.txt") << "mine";
  EXPECT_EQ(export_corpus(corpus_, packed_), 1U);
  EXPECT_THAT(import_archive(scratch_ / "new", packed_).taken, ElementsAre(name_));
  for (const char* file : {"model.onnx", "finding.json", "repro.py", "test_data_set_0/bound_0.pb"})
    EXPECT_EQ(bytes_of(scratch_ / "new" / name_ / file), bytes_of(corpus_ / name_ / file)) << file;
  EXPECT_FALSE(fs::exists(scratch_ / "new" / name_ / "notes.txt"));
  EXPECT_EQ(read_corpus(scratch_ / "new").size(), 1U);
}
TEST_F(PackedCorpus, EqualCorporaMakeEqualFiles) {
  export_corpus(corpus_, packed_);
  export_corpus(corpus_, scratch_ / "again.tar.gz");
  EXPECT_EQ(bytes_of(packed_), bytes_of(scratch_ / "again.tar.gz"));
}
TEST_F(PackedCorpus, NeverOverwritesAnything) {
  export_corpus(corpus_, packed_);
  const Imported again = import_archive(corpus_, packed_);
  EXPECT_THAT(again.taken, IsEmpty());
  EXPECT_THAT(again.there, ElementsAre(name_));
  std::ofstream(corpus_ / name_ / "README.md") << "mine";
  EXPECT_THAT(complaint<UserError>([&] { import_archive(corpus_, packed_); }), HasSubstr("another case"));
  EXPECT_EQ(bytes_of(corpus_ / name_ / "README.md"), "mine");
}
TEST_F(PackedCorpus, RefusesWhatLeavesTheCorpus) {
  refused({{"../evil/model.onnx", "x"}}, "no file of a regression case");
  refused({{"a/../../evil/model.onnx", "x"}}, "no file of a regression case");
  refused({{(scratch_ / "evil").string() + "/model.onnx", "x"}}, "no file of a regression case");
  refused({{"../model.onnx", "x"}}, "no file of a regression case");
  refused({{"./model.onnx", "x"}}, "no file of a regression case");
}
TEST_F(PackedCorpus, RefusesLinksAndDevices) {
  refused({{"a/model.onnx", "", AE_IFLNK, "/etc/passwd"}}, "is a link");
  refused({{"a/README.md", "x"}, {"a/model.onnx", "", AE_IFREG, "", "a/README.md"}}, "is a link");
  refused({{"a/model.onnx", "", AE_IFIFO}}, "no plain file");
}
TEST_F(PackedCorpus, RefusesWhatIsNoCase) {
  refused({{"a/run.sh", "x"}}, "no file of a regression case");
  refused({{"a/README.md", "x"}}, "no finding is here");
  refused({{"a/finding.json", R"({"symptom": "crash", "system": "fake", "version": "1"})"}},
          "no regression case");
  const std::string json = bytes_of(corpus_ / name_ / "finding.json");
  refused({{"a/finding.json", json}, {"a/model.onnx", "no model"}}, "model.onnx");
}
TEST_F(PackedCorpus, RefusesWhatIsNoArchive) {
  for (const std::string& bytes : {std::string(), std::string("a sentence"), std::string(2000, '\0')}) {
    std::ofstream(packed_, std::ios::binary) << bytes;
    EXPECT_THAT(complaint<UserError>([&] { import_archive(scratch_ / "new", packed_); }),
                HasSubstr("corpus.tar.gz"));
  }
  export_corpus(corpus_, packed_);
  fs::resize_file(packed_, fs::file_size(packed_) / 2);
  EXPECT_THROW(import_archive(scratch_ / "new", packed_), UserError);
  EXPECT_THROW(import_archive(scratch_ / "new", scratch_ / "nowhere.tar.gz"), UserError);
  EXPECT_FALSE(fs::exists(scratch_ / "new"));
}
TEST_F(PackedCorpus, AnExportThatCannotBeWrittenLeavesNothing) {
  EXPECT_THROW(export_corpus(corpus_, scratch_ / "no" / "such" / "folder.tar.gz"), UserError);
  EXPECT_THROW(export_corpus(scratch_ / "nowhere", packed_), UserError);
  EXPECT_FALSE(fs::exists(packed_));
}

}  // namespace
}  // namespace mob
