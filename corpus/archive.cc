#include "corpus/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>

#include "corpus/finding_folder.h"
#include "corpus/models.h"
#include "corpus/regression_corpus.h"
#include "fuzzer/base/check.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLargestFile = std::int64_t{256} << 20;  // bytes
constexpr std::int64_t kLargestCorpus = std::int64_t{1} << 30;

using Archive = std::unique_ptr<archive, int (*)(archive*)>;
using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;
using Files = std::map<std::string, std::string>;  // path within -> bytes

std::string read_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  if (!in) throw UserError(file.string() + ": cannot be read");
  return bytes.str();
}

// All below a folder; `prefix` goes before their paths.
void read_files(const fs::path& folder, const std::string& prefix, Files& files) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[prefix + fs::relative(entry.path(), folder).generic_string()] = read_bytes(entry.path());
}

// The files of a case, and nothing else: "NAME/model.onnx", "NAME/test_data_set_0/input_0.pb".
bool is_path_of_case(const std::string& path) {
  static const std::regex kFiles(
      R"([A-Za-z0-9_][A-Za-z0-9_.-]*/(model\.onnx|finding\.json|README\.md|repro\.py|test_data_set_\d+/[a-z]+_\d+\.pb))");
  return std::regex_match(path, kFiles);
}

// Why an entry is refused; empty where it is not.
std::string refusal_of(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr) return "has no readable name";
  if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr) return "is a link";
  if (archive_entry_filetype(entry) != AE_IFREG) return "is no plain file";
  if (!is_path_of_case(path)) return "is no file of a regression case";
  if (archive_entry_size(entry) > kLargestFile) return "is too large";
  return "";
}

std::string data_of(archive* from, std::int64_t limit, const fs::path& file) {
  std::string bytes, part(1 << 16, '\0');
  while (true) {
    const la_ssize_t n = archive_read_data(from, part.data(), part.size());
    if (n < 0) throw UserError(file.string() + ": is damaged");
    if (n == 0) return bytes;
    bytes.append(part, 0, static_cast<std::size_t>(n));
    if (static_cast<std::int64_t>(bytes.size()) > limit) throw UserError(file.string() + ": is too large");
  }
}

Files unpack(const fs::path& file) {
  const Archive from(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(from.get());
  archive_read_support_format_tar(from.get());
  if (archive_read_open_filename(from.get(), file.c_str(), 1 << 16) != ARCHIVE_OK)
    throw UserError(file.string() + ": is no packed corpus (tar.gz), or cannot be read");
  Files files;
  std::int64_t left = kLargestCorpus;
  archive_entry* entry = nullptr;
  while (true) {
    const int status = archive_read_next_header(from.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK) throw UserError(file.string() + ": is no packed corpus (tar.gz), or damaged");
    if (archive_entry_filetype(entry) == AE_IFDIR) continue;  // made where a file wants it
    const char* path = archive_entry_pathname(entry);
    if (const std::string why = refusal_of(entry); !why.empty())
      throw UserError(file.string() + ": refused, its entry '" + (path == nullptr ? "" : path) + "' " + why);
    std::string bytes = data_of(from.get(), std::min(left, kLargestFile), file);
    left -= static_cast<std::int64_t>(bytes.size());
    files[path] = std::move(bytes);
  }
  if (files.empty()) throw UserError(file.string() + ": holds no regression case");
  return files;
}

// A folder beside the corpus's cases that goes when this does.
class Half {
 public:
  explicit Half(const fs::path& corpus)
      : path_(corpus / (".half-import-" + std::to_string(getpid()))), made_(!fs::exists(corpus)) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Half() {
    std::error_code none;
    fs::remove_all(path_, none);
    if (made_ && fs::is_empty(path_.parent_path(), none)) fs::remove(path_.parent_path(), none);
  }
  Half(const Half&) = delete;
  Half& operator=(const Half&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool made_;
};

// Whether the corpus has it already; throws where it has another one of that name.
bool is_there(const fs::path& corpus, const fs::path& folder) {
  const fs::path there = corpus / folder.filename();
  if (!fs::exists(there)) return false;
  Files mine, its;
  read_files(folder, "", mine);
  read_files(there, "", its);
  if (mine != its)
    throw UserError(there.string() + ": another case of this name is there; move it away first");
  return true;
}

Imported put_in_place(const fs::path& corpus, const fs::path& half) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(half)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  Imported imported;
  std::vector<fs::path> taken;
  for (const fs::path& folder : folders) {
    if (read_case(folder).plain) throw UserError(folder.filename().string() + ": is no regression case");
    load_case(folder, 0);
    const bool there = is_there(corpus, folder);
    (there ? imported.there : imported.taken).push_back(folder.filename().string());
    if (!there) taken.push_back(folder);
  }
  for (const fs::path& folder : taken) publish_folder(folder, corpus / folder.filename());
  return imported;
}

bool write_entry(archive* to, const std::string& path, const std::string& bytes) {
  const Entry entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  return archive_write_header(to, entry.get()) == ARCHIVE_OK &&
         archive_write_data(to, bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size());
}

}  // namespace

std::size_t export_corpus(const fs::path& corpus, const fs::path& file) try {
  const std::vector<RegressionCase> cases = require_corpus(corpus);
  Files files;
  for (const RegressionCase& c : cases) read_files(c.folder, c.name + "/", files);
  const fs::path half = file.parent_path() / (".half-" + file.filename().string());
  const Archive to(archive_write_new(), archive_write_free);
  archive_write_add_filter_gzip(to.get());
  archive_write_set_options(to.get(), "gzip:!timestamp");
  archive_write_set_format_ustar(to.get());
  bool written = archive_write_open_filename(to.get(), half.c_str()) == ARCHIVE_OK;
  for (const auto& [path, bytes] : files)
    if (is_path_of_case(path)) written = written && write_entry(to.get(), path, bytes);  // else notes
  written = archive_write_close(to.get()) == ARCHIVE_OK && written;
  std::error_code error;
  if (written) fs::rename(half, file, error);
  if (!written || error) {
    const char* why = archive_error_string(to.get());
    fs::remove(half, error);
    throw UserError(file.string() + ": cannot be written" + (why == nullptr ? "" : std::string(": ") + why));
  }
  return cases.size();
} catch (const fs::filesystem_error& e) {
  throw UserError(corpus.string() + ": cannot be read: " + e.code().message());
}

Imported import_archive(const fs::path& corpus, const fs::path& file) try {
  const Files files = unpack(file);
  const Half half(corpus);
  for (const auto& [path, bytes] : files) {
    fs::create_directories((half.path() / path).parent_path());
    std::ofstream out(half.path() / path, std::ios::binary);  // synced when the case is put in its place
    out << bytes;
    out.close();
    if (!out) throw UserError((corpus / path).string() + ": cannot be written");
  }
  return put_in_place(corpus, half.path());
} catch (const fs::filesystem_error& e) {
  throw UserError(corpus.string() + ": cannot be written: " + e.code().message());
}

}  // namespace mob
