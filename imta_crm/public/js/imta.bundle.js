import "./call_saved";
import "./drill_down";
import "./import_form";
import "./no_default_country";
import "./liaison/log_contact";
import "./liaison/quick_entry";
import "./liaison/search_bar";
import "./seating/check_in";
