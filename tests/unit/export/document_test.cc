#include "lib/export/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mailtap::exporting {
namespace {

using testing::HasSubstr;
using testing::Not;

Document Sample() {
  Document document;
  document.title = "A & B";
  document.facts = {{"Period", "a week"}};
  DocumentSection section;
  section.heading = "Hosts";
  section.note = "All < of them.";
  section.table.columns = {{"host", Table::Align::kLeft}, {"bytes"}};
  section.table.rows = {{"10.1.0.1", "12"}, {"<b>", "7"}};
  section.paragraphs = {"And more."};
  document.sections = {section, {.heading = "Empty", .table = {section.table.columns, {}}}};
  return document;
}

TEST(Document, AsTextHasAlignedTables) {
  EXPECT_EQ(DocumentText(Sample(), 80),
            "A & B\n\n"
            "Period  a week\n\n"
            "Hosts\n  All < of them.\n"
            "  host      bytes\n"
            "  10.1.0.1     12\n"
            "  <b>           7\n"
            "  And more.\n\n"
            "Empty\n  None.\n");
}

TEST(Document, AsAPageIsWholeAndNeedsNothingElse) {
  const std::string html = DocumentHtml(Sample());
  EXPECT_THAT(html, HasSubstr("<title>A &amp; B</title>"));
  EXPECT_THAT(html, HasSubstr("<th>host</th><th class=\"right\">bytes</th>"));
  EXPECT_THAT(html, HasSubstr("<td>&lt;b&gt;</td><td class=\"right\">7</td>"));
  EXPECT_THAT(html, HasSubstr("<p>None.</p>"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("@media print"));
  for (const char* outside : {"<script", "src=", "url(", "@import", "href="}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

TEST(EscapeHtml, LeavesNothingThatABrowserObeys) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\" onclick='y'>&amp;"),
            "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(EscapeHtml(absl::string_view("a\0b\x7f\n", 5)), "a?b??");
  EXPECT_EQ(EscapeHtml("\xff\xc2\x85é"), "\xef\xbf\xbd?é");
}

}  // namespace
}  // namespace mailtap::exporting
