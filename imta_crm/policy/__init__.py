"""The alliance's rules: pure Python, standard library only, no Frappe, no clock, no database.

Dates and Decimals come in, frozen dataclasses go out. The desk, the scheduler and the launcher's preview
all call the same functions. Rates, tiers, days and calendars are arguments: the secretariat edits them.

| module | what it decides |
| --- | --- |
| `dates` | periods with both ends included, months and years without drift, dates as people write them |
| `money` | rounding half up at the currency's own decimals, conversion |
| `proration` | the part of a period's amount that falls on some of its days |
| `dues` | who owes what for a period and why, or why not; the difference after a change of tier |
| `spans` | histories of a status or a tier; gaps stay gaps |
| `status` | which membership change may follow which status |
| `standing` | Active, In Arrears or Suspended, from what is owed |
| `reminders` | which reminder goes out today, each at most once, caught up after missed days |
| `rhythm` | when a member should next be contacted |
| `benefits` | whether an affiliated person has the member's benefits |
| `card` | how long a membership card is valid |
| `names` | names folded for comparison, cells made inert for spreadsheets |
| `countries`, `languages` | how people write them, and the names and codes under which Frappe keeps them |
| `roster` | a spreadsheet of members: encoding, separator, headings, and every problem of every row |
| `invitation` | the statuses of an invitation and what a reply makes of it |
| `schedule` | which step an invitation gets next and when, and the whole campaign beforehand |
| `zones` | the main time zone and the weekend of each country or region |
| `prospects` | whether a prospect may be invited: duplicates certain and likely, and who is left alone |
| `prospect_file` | a spreadsheet of prospects |
| `targets` | how many members a plan aims at, by region, sector and tier |
| `seating` | who gets which seat, who waits in which order, what a seat may become |
| `enrollment` | who may enrol in a training session |
| `fees` | what a seat costs, what is kept of it after a cancellation, what is credited, free seats |
| `event_times` | when an event is, in words |
| `event_reminders` | which reminder of an event is due to whoever has a seat |
| `seat_letters` | which letter a change of a seat asks for |
| `calendar_file` | calendar entries as text |
| `activities` | who may take part in an activity, as what, and whether its programme fits |
| `attendance` | reports of online meetings, who is who in them, how long somebody was there, and whether it is enough |
| `certificate` | how long a certificate counts, and what it is on a day |
| `funnel` | how many invitations came how far |
| `mail_failure` | what an error in sending a mail means, and whether it may be tried again |
| `inbound` | what an incoming mail is: an answer, an automatic one, a bounce, a wish to be left alone |
| `preview` | the launcher's `preview` command |
| `messages` | every sentence that the rules say, by code, in English and Chinese |

A rule that refuses raises a named exception or returns a reason; both carry a code of `messages.TEXTS` and
the values for its sentence.
"""
