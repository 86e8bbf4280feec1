"""Names of months and weekdays as dates have them, in some twenty languages, and their beginnings as abbreviations."""

import unicodedata
from collections import Counter

MONTH_NAMES = """january february march april may june july august september october november december
    januar februar märz april mai juni juli august september oktober november dezember
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
    janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
    januari februari maart april mei juni juli augustus september oktober november december
    januari februari mars april maj juni juli augusti september oktober november december
    januar februar marts april maj juni juli august september oktober november december
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря
    січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
    ledna února března dubna května června července srpna září října listopadu prosince
    tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta
    marraskuuta joulukuuta
    január február március április május június július augusztus szeptember október november december
    ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
    ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
    ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
    januari februari maret april mei juni juli agustus september oktober november desember""".split()
DAY_NAMES = """monday tuesday wednesday thursday friday saturday sunday
    montag dienstag mittwoch donnerstag freitag samstag sonntag sonnabend
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo
    lunedì martedì mercoledì giovedì venerdì sabato domenica segunda terça quarta quinta sexta feira
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag måndag tisdag onsdag torsdag fredag lördag söndag
    mandag tirsdag lørdag søndag poniedziałek wtorek środa czwartek piątek sobota niedziela
    pondělí úterý středa čtvrtek pátek neděle понедельник вторник среда четверг пятница суббота воскресенье
    понеділок вівторок середа четвер субота неділя hétfő kedd szerda csütörtök péntek szombat vasárnap
    pazartesi salı çarşamba perşembe cuma cumartesi pazar maanantai tiistai keskiviikko torstai perjantai lauantai
    sunnuntai senin selasa rabu kamis jumat sabtu minggu""".split()


def _beginnings() -> dict[str, int]:
    """Month numbers by their names from three letters on; a beginning of several is of the one with most languages."""
    votes: dict[str, Counter] = {}
    for place, name in enumerate(MONTH_NAMES):
        name = unicodedata.normalize("NFC", name.casefold())
        for beginning in {name[:n] for n in range(3, len(name) + 1)}:
            votes.setdefault(beginning, Counter())[place % 12 + 1] += 1
    found = {}
    for beginning, counts in votes.items():
        (month, most), *others = counts.most_common(2)
        if not others or others[0][1] < most:
            found[beginning] = month
    return found


MONTHS = _beginnings() | {"mrz": 3, "jui": 7, "sept": 9}
DAYS = frozenset(name[:n].casefold() for name in DAY_NAMES for n in range(2, 14)) | set(
    "пн вт ср чт пт сб вс нд".split()
)
