import "./call_saved";
import "./liaison/log_contact";
import "./liaison/quick_entry";
import "./liaison/search_bar";
