# html-fixture.sh - is a page well made? Sourced after lib.sh.
#
#   page_is_good report.html "what it is"       tags, ids, headings, texts for pictures, tables, no outside links
#   browse report.html "what it is"             in a browser, where there is one: errors, contrast in light and dark, width,
#                                              keyboard, print

# Prints what is wrong with a page: elements that do not close, ids that occur twice or are linked to and missing, headings
# that skip a level, pictures without a text, header cells without scope, links that leave the file, characters that no
# document may have.
page_faults() { # file
    tr '\n' ' ' <"$1" | sed 's/</\n</g' | LC_ALL=C awk '
        function attribute(name,   at) {
            if (!match($0, " " name "=\"[^\"]*\"")) return ""
            at = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
            return at
        }
        NR == 1 {next}
        /^<!DOCTYPE html>/ {doctype++; next}
        /^<\// {
            name = substr($0, 3); sub(/[> ].*/, "", name)
            if (open[n] != name) {print "</" name "> closes <" open[n] ">"; exit}
            n--; next
        }
        !/^<[a-zA-Z]/ {print "a stray <: " substr($0, 1, 40)}
        {
            name = substr($0, 2); sub(/[ >\/].*/, "", name); count[name]++
            if ((id = attribute("id")) != "" && seen[id]++) print "id " id " twice"
            if ((to = attribute("href")) ~ /^#/) wanted[substr(to, 2)] = 1
            else if (to != "" && to !~ /^data:/) print "a link that leaves the file: " to
            m = split(attribute("aria-labelledby"), by, " "); for (i = 1; i <= m; i++) wanted[by[i]] = 1
            if ((from = attribute("src")) != "" && from !~ /^data:image\/(jpeg|png);base64,[A-Za-z0-9+\/]+=*$/) print "src " substr(from, 1, 40)
            if (name == "img" && attribute("alt") == "") print "a picture without a text"
            if (name == "th" && attribute("scope") == "") print "a header cell without scope"
            if (name == "html" && attribute("lang") != "en") print "no language"
            if (name ~ /^h[1-6]$/) {
                level = substr(name, 2)
                if (level > last + 1) print "h" level " below h" last
                last = level
            }
            if (name !~ /^(meta|link|img|br|hr)$/ && $0 !~ /\/>/) open[++n] = name
        }
        / on[a-z]+="/ || name == "script" && count[name] > 0 && !said++ {if (name == "script") print "a script"}
        END {
            for (to in wanted) if (!(to in seen)) print "nothing has the id " to
            if (n != 0) print "<" open[n] "> is not closed"
            if (doctype != 1 || count["main"] != 1 || count["h1"] != 1 || count["title"] < 1) print "not a page"
        }'
    LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]' "$1" | cut -c 1-80
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>&1 || echo 'not UTF-8'
    grep -noE '(src|href|url|action|data)[=(]"?(https?:)?//[^"]{0,40}' "$1"
}
page_is_good() { # file what
    page_faults "$1" >faults.txt 2>&1
    check "$2: a good page" test ! -s faults.txt
    [ -s faults.txt ] && head -n 10 faults.txt
    if command -v xmllint >/dev/null; then # libxml2 knows HTML 4 only: tags of HTML 5 and of SVG are no errors
        xmllint --html --noout "$1" 2>&1 | grep 'error' | grep -vE 'Tag [a-zA-Z]+ invalid' >faults.txt
        check "$2: libxml2 reads it" test ! -s faults.txt
    fi
}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
in_browser() { # arguments: chromium, at most two minutes, with a folder of its own
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$PWD/browser" \
        --no-first-run --allow-file-access-from-files --enable-logging=stderr "$@" 2>browser.err
}
# Measures the page in a frame as wide as a phone, from a page around it: the smallest contrast of a text with what is
# behind it, and of a line or mark of a picture with its paper (WCAG 2.2, 1.4.3 and 1.4.11); how far the page is wider than
# the frame; what takes the focus by keyboard, and shows it; what moves.
measuring_page() { # file width
    cat <<END
<!DOCTYPE html><html lang="en"><title>waiting</title><body>
<iframe id="f" src="file://$PWD/$1" style="border:0;width:$2px;height:800px"></iframe><pre id="result"></pre>
<script>
function channels(c) { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; }
function luminance(c) {
    const v = c.slice(0, 3).map(x => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}
function contrast(a, b) {
    const x = luminance(channels(a)), y = luminance(channels(b));
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}
function behind(e, w) { // the first background that is not transparent; a picture of SVG has paper, its first rectangle
    for (; e && e.nodeType === 1; e = e.parentNode) {
        if (e.localName === 'svg') return w.getComputedStyle(e.querySelector('rect')).fill;
        const c = w.getComputedStyle(e).backgroundColor;
        if (channels(c)[3] > 0) return c;
    }
    return 'rgb(255, 255, 255)';
}
document.getElementById('f').onload = () => {
    const w = document.getElementById('f').contentWindow, d = w.document, all = x => [...d.querySelectorAll(x)];
    let least = 99, where = '', marks = 99, n = 0, focus = 0, outline = 0, bare = 0;
    all('details').forEach(x => x.open = true);
    all('body *').forEach(e => {
        if (![...e.childNodes].some(x => x.nodeType === 3 && x.data.trim()) || ['title', 'desc', 'style'].includes(e.localName)) return;
        const s = w.getComputedStyle(e), ratio = contrast(e.localName === 'text' ? s.fill : s.color, behind(e, w));
        n++;
        if (ratio < least) { least = ratio; where = e.outerHTML.slice(0, 80); }
    });
    all('svg polyline, svg path, svg circle, svg line:not([stroke="#dddddd"]), svg > rect[stroke]').forEach(e => {
        const s = w.getComputedStyle(e);
        marks = Math.min(marks, contrast(s.stroke === 'none' ? s.fill : s.stroke, behind(e, w)));
    });
    all('.mark, .bar span, .counts li').forEach(e => marks = Math.min(marks, contrast(w.getComputedStyle(e).borderTopColor, behind(e.parentNode, w))));
    const stops = all('a[href], summary, [tabindex="0"]');
    stops.forEach(e => {
        e.focus();
        focus += d.activeElement === e;
        const s = w.getComputedStyle(e);
        outline += s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && contrast(s.outlineColor, behind(e.parentNode, w)) >= 3;
    });
    all('body *').forEach(e => {
        if (e.scrollWidth > e.clientWidth + 1 && w.getComputedStyle(e).overflowX === 'auto' && e.tabIndex < 0) bare++;
    });
    const moving = all('*').filter(e => { const s = w.getComputedStyle(e); return s.animationName !== 'none' || parseFloat(s.transitionDuration) > 0 || s.scrollBehavior === 'smooth'; }).length;
    const broken = [...d.images].filter(i => !i.complete || i.naturalWidth === 0).length;
    const small = all('nav a, summary, .names a').filter(e => e.getBoundingClientRect().height < 24).length;
    const mute = all('svg').filter(e => e.getAttribute('role') !== 'img' || !e.querySelector('title').textContent || !e.querySelector('desc').textContent).length +
        all('table').filter(e => !e.caption || !e.caption.textContent || !e.tHead).length;
    document.getElementById('result').textContent = 'texts=' + n + ' contrast=' + least.toFixed(2) + ' marks=' + marks.toFixed(2) +
        ' wider=' + Math.max(0, d.documentElement.scrollWidth - d.documentElement.clientWidth) + ' focus=' + focus + ' outlined=' + outline +
        ' of=' + stops.length + ' jumps=' + all('[tabindex]').filter(e => e.tabIndex > 0).length + ' unreachable=' + bare +
        ' broken=' + broken + ' small=' + small + ' mute=' + mute + ' moving=' + moving +
        ' dark=' + w.matchMedia('(prefers-color-scheme: dark)').matches + ' at=' + where.replace(/[<>&]/g, ' ');
};
</script></body></html>
END
}
at_least() { awk -v r="$1" -v name="$2=" -v least="$3" 'BEGIN {exit !(match(r, name "[0-9.]+") && substr(r, RSTART + length(name), RLENGTH - length(name)) + 0 >= least)}'; }
# In a frame as wide as a phone; colours: light, dark.
measure() { # file what colours
    local r flag=
    [ "$3" = dark ] && flag=--force-dark-mode
    measuring_page "$1" 390 >measure.html
    in_browser --window-size=500,900 $flag --virtual-time-budget=20000 --dump-dom "file://$PWD/measure.html" >measured.html
    r=$(grep -o 'texts=.*' measured.html | head -n 1)
    check "$2, $3: measured ($r)" grep -q " dark=$([ "$3" = dark ] && echo true || echo false) " <<<"$r"
    check "$2, $3: contrast of all texts 4.5 or more" at_least "$r" contrast 4.5
    check "$2, $3: contrast of lines and marks 3 or more" at_least "$r" marks 3
    check "$2, $3: as wide as a phone" grep -q ' wider=0 ' <<<"$r"
    check "$2, $3: all that can be used has the focus by keyboard, in the order of the page" bash -c '[[ "$1" =~ focus=([0-9]+)\ .*of=([0-9]+)\ jumps=0 ]] && [ ${BASH_REMATCH[1]} = ${BASH_REMATCH[2]} ]' - "$r"
    check "$2, $3: and shows it" bash -c '[[ "$1" =~ outlined=([0-9]+)\ of=([0-9]+) ]] && [ ${BASH_REMATCH[1]} = ${BASH_REMATCH[2]} ]' - "$r"
    check "$2, $3: what scrolls can be scrolled by keyboard" grep -q ' unreachable=0 ' <<<"$r"
    check "$2, $3: every picture is shown" grep -q ' broken=0 ' <<<"$r"
    check "$2, $3: links are large enough for a finger" grep -q ' small=0 ' <<<"$r"
    check "$2, $3: pictures and tables say what they are" grep -q ' mute=0 ' <<<"$r"
    check "$2, $3: nothing moves" grep -q ' moving=0 ' <<<"$r"
}
browse() { # file what
    [ -n "$browser" ] || { skip 'no chromium' "$2 in a browser"; return; }
    in_browser --dump-dom "file://$PWD/$1" >dom.html
    check "$2: a browser shows all of it" grep -q '</footer>' dom.html
    check "$2: no error in the console" bash -c '! grep -E "CONSOLE|net::ERR|Refused to" browser.err'
    measure "$1" "$2" light
    measure "$1" "$2" dark
    in_browser --no-pdf-header-footer --print-to-pdf="$PWD/page.pdf" "file://$PWD/$1" >/dev/null
    check "$2: prints" bash -c 'head -c 5 page.pdf | grep -q %PDF && [ $(wc -c <page.pdf) -gt 5000 ]'
    rm -rf browser
}
