import "./call_saved";
import "./import_form";
import "./liaison/log_contact";
import "./liaison/quick_entry";
import "./liaison/search_bar";
