//! Words that name nobody.
//!
//! The most common words of English, Dutch, German and French, and those that the logs of web servers and meetings are made of. A
//! name of these words alone, found in every text, would make a log unreadable and protect nobody. Common words that are rather
//! names (`jan`, `max`, `klein`) are missing on purpose; `will`, `may`, `april` and `june` are not, as logs are full of them.

use std::sync::LazyLock;

use super::words::head;

/// In the order of their bytes, in their normal form.
const WORDS: &str = "\
     aan aanmelden abend aber about above absent abteilung access account accueil action active add added \
     address admin administrator after again agent aide alert all alle alles allow allowed als also \
     altijd always am and andere android anfang anmelden anmeldung announcement année anonyme anonymous \
     another anruf answer any apache api app appel application apr april après are area array asset \
     assets attempt attente au aucun audio auf aug august aujourd aus ausgang aussi auth authentication \
     autre aux avant avec avoir avond away back backend backup bad bash be because bedankt been before \
     begin beheer beheerder behind bei beim being bel bellen benutzer bereich bericht besprechung \
     besprechungsraum best between bien bienvenue bij bijeenkomst bijna bild bin binary bis bitte block \
     body bon bonjour boolean boot both breakout breit bridge browser buffer build bureau but button bye \
     büro cache call called caller can cancel cancelled candidate car case catch ce cela center ces cette \
     change changed channel chat check chef chez child chrome class classe clear client clock close \
     closed cluster code colibri com command comme comment common community complete component compte \
     conf conference config configuration conférence connect connected connecting connection connexion \
     console contact content context contre control cookie copy core corp could count country cours cpu \
     create created cron css current custom da daar daemon dag daily damit dan danke dann dans das \
     dashboard dass dat data database date day days de debian debug dec december deelnemer deelnemers \
     default delayed delete dem demain demo den denied department depuis der dernier des desk desktop \
     deutsch deux dev development device deze dial did die dienst dienstag dies diese different dimanche \
     dinsdag dire disabled disconnect disconnected disk diskussion display dit doch docker doen does \
     domain donc donderdag done donnerstag dood door dovecot down download drei dtls du due durch during \
     dus début déjà each edge edit een eerste ein einde eine einen einer eingang elke elle email employee \
     empty en enable enabled encore end ende ended endpoint engine enough enseignant enter entre entry er \
     erreur error errors erste es essai est et eux event events every everybody everyone example \
     exception execute exit expired external fail failed failure faire fait false family fatal feature \
     feb february fehler femme fertig file files fin final find finished firefox first float floor focus \
     fois folder for force formation found fout fouten frage free frei freitag freund fri friday from \
     front full function für gaan ganz gast gateway gebruiker gebruikers geen gegen gehen geht geluid \
     gemeente general gesperrt gestern get give global goed good got great groep group groupe gruppe \
     guest guest1 gut guten générale haar haben had half hallo handler has hat haus haut have head \
     headers health heb hebben heeft hello help her here het heure heute hier high hij hilfe him his \
     history hoe home homme host hour house how html http https huis ice ich ici icon idle iedereen \
     iemand ihr ik il ils im image images immer implementation improper in inc includes index infinity \
     info informatie information ingang initial input inside install instance integer intern internal \
     internet invalid invite invité ipad iphone is ist item its ja jaar jahr jamais january java je jeder \
     jetzt jeudi jibri jibribrewery jicofo jigasi jigasibrewery jitsi job join joined joining jou jour \
     journée jouw json jul july jun june just jvb jvbbrewery kamer kan kann kantoor keep keer kein keine \
     key kitchen klaar klas klasse know koffie komen konferenz kubernetes kunnen kurs können la laatste \
     label laden language large last late later le lead learning leave leaving leer left lehrer leitung \
     length les less let leur level library libre lien lieu light like limit line link links linux list \
     liste live load loading lobby local localhost location lock log logged login logout lost lundi ma \
     maand maandag maar mach machine made mail main mais maison make maken mal manage manager many map \
     march mardi master match matin may maybe media meer meet meeting meetings mehr mein member members \
     memory mensen menu merci mercredi mes message messages met metrics microphone mieux might mijn \
     minder mit mittag mittwoch mobile mode moderator module moet moi moins mois mon monat monday monde \
     monitor montag month more morgen morning most mot move moyen muc much multiple muss must mute muted \
     mysql naam naar nach nacht name names nan native ne nee net network neu neue never new news next \
     nginx ni nicht nichts niemand niet niets nieuw nieuwe night niks nil nobody noch node nog nom non \
     none nos not note nothing notice notre nous nouveau nouvelle nov november now nu nuit null number \
     nur ob object ochtend oct octo october oder of off offen offer office offline oh ohne old om on \
     onbekend once onder onderwijs one online only ons onze ook op open openbaar operation operator \
     opleiding option options oracle order ordre org original other ou oud oui our out output over \
     overleg owner où page panel par parce parent parler part participant participants partie party pas \
     passe password passwort path pause peer pending people person peu peut phone php ping plaats plan \
     planning platz play please plugin plus point policy poll pool port porte post postfix postgres pour \
     pourquoi premier presence present presentation presenter private privé probe process production \
     proef professeur profile program project projet prosody protocol provider proxy près public push qu \
     quand que quel quelqu query queue qui quick quit quoi random rapport rate raum read ready real \
     reason receive received recent rechts record recorder recording red redirect redis refused register \
     registered reject rejected release reload remote remove removed rendez reply report request \
     requested required reset resource response rest restart result retry return review rien right role \
     room rooms root route router rtcp rtp run running réseau réunion sa sache safari safe salle salon \
     same samedi sample samstag sans sat saturday save say scan schedule scherm schon school schule \
     schüler screen script sctp se search second secret section secure security see sehr seit seite \
     select self semaine send sender sent sep september server service services ses session sessions set \
     settings setup share shared sharing she should show shutdown si sich side sie sign signal silent \
     simple since sind single site sitzung size slow sluiten so soir some someone something son sonntag \
     sont source sous space speaker speech sprechstunde spreker sprint sshd staff stage standard standup \
     stark start started starting state static station status stem step still stop stopped storage store \
     stream streaming string strong student students stun stunde subject success successful such suite \
     sujet summary sun sunday super support sur sure switch sync system systemd table tafel tag take talk \
     tard target task te teacher team teams tech technical tegen teilnehmer telefoon temp template temps \
     termin terminate test test1 test123 test2 tester testing tests text than thank thanks that the their \
     them then there these they thing think this thread three thu thursday ticket tijd time timeout timer \
     title toch today toegang toen toets together toi token tomorrow ton too tools top tot total toujours \
     tous tout toute trace track training transcriber transfer transport travail tree trois trop true \
     trying très tu tue tuesday turn twee two type ubuntu uhr uit um un unable unavailable unbekannt und \
     undefined under une unknown unlock unmute uns unser unterricht until update upload upper upstream \
     url use used user user1 users using utilisateur utility uur valeur valid value van vandaag veel \
     vendredi verbinding verbindung vergadering vergaderzaal vers version verwaltung very via vide video \
     videobridge vie viel vier view viewer virtual visitor voice voici void voir voix volume von vor vos \
     votre vous vraag vragen vrai vriend vrij vrijdag vue waar waarschuwing wachten wachtwoord wait \
     waiting want warn warning warnung warten warum was wat watch web webinar webrtc website wed \
     wednesday week weekly weer weg weil welche welcome welkom well wenn wer werden were werk werken \
     werkoverleg what when where which while who whole why wide wie wieder wij will window windows wir \
     wird wish with within without wo woche woensdag woord wordpress work worker working workshop world \
     would wp write wrong www xml xmpp year yes yet you your zaal zaterdag ze zeer zeit zelf zero zich \
     zij zijn zimmer zo zon zondag zonder zone zou zu zum zur zwei zwischen école écran équipe été être \
     über";

/// Each word, and before it its first eight bytes as a number, which is in the same order.
static SORTED: LazyLock<Vec<(u64, &str)>> = LazyLock::new(|| {
    WORDS.split_whitespace().map(|word| (head(word.as_bytes()).swap_bytes(), word)).collect()
});

/// True for a common word in its normal form, a number, and a single letter.
pub(super) fn is_common(word: &[u8]) -> bool {
    let first = head(word).swap_bytes();
    let from = SORTED.partition_point(|(head, _)| *head < first);
    let alike = SORTED[from..].iter().take_while(|(head, _)| *head == first);
    word.len() == 1
        || word.iter().all(u8::is_ascii_digit)
        || alike.map(|(_, known)| known.as_bytes()).any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_order() {
        let words: Vec<&str> = SORTED.iter().map(|(_, word)| *word).collect();
        assert!(words.is_sorted() && SORTED.is_sorted() && words.len() > 500);
        assert!(words.iter().all(|word| is_common(word.as_bytes())));
    }

    #[test]
    fn common_words_numbers_and_letters() {
        for word in ["test", "meeting", "réunion", "besprechung", "42", "x"] {
            assert!(is_common(word.as_bytes()), "{word}");
        }
        for word in ["alice", "müller", "test7x", "李"] {
            assert!(!is_common(word.as_bytes()), "{word}");
        }
    }
}
